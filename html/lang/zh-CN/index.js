// SPDX-License-Identifier: MIT
// index: the page of all streams, in Chinese.

export default {
    "Streams · ssecgi": "事件流 · ssecgi",
    "What this server streams, as it happens. A page that is cut off reads on from exactly where it stopped.":
        "此服务器正在推送的内容，实时显示。页面断线后，会从中断之处接着读。",
    "Asking the server…": "正在询问服务器…",
    "The same from a shell": "在命令行中读取",
    "How to read it from a shell": "如何在命令行中读取",
    "The server's time": "服务器时间",
    "Simulated prices": "模拟价格",
    "A growing log": "不断增长的日志",
    "What a program prints": "程序的输出",
    "Published messages": "发布的消息",
    "Messages of a Redis server": "Redis 服务器的消息",
    "A language model": "语言模型",
    "Answers questions": "回答问题",
    "A POST carries the question, and each answer is a stream of its own.":
        "用 POST 提问，每个回答都是一个独立的流。",
    "A stream for each name that somebody reads or publishes into.":
        "每个有人读取或发布的名称都是一个流。",
    "Not watched on this page: open it to see its events.": "本页面不显示它：打开后可查看其事件。",
    "No event yet": "还没有事件",
    "It has ended.": "它已结束。",
    "Events a second over the last minute": "最近一分钟内每秒的事件数",
    "{n}/s": "{n}/秒",
    "{n} in use": "{n} 个在用",
    "{n} streams": "{n} 个流",
    "No list of streams: {reason}. Trying again.": "无法取得流的列表：{reason}。正在重试。",
};
