// SPDX-License-Identifier: MIT
// react: the words of the React page in Chinese.

export default {
    "Clear": "清空",
    "Messages": "消息",
    "Messages · ssecgi": "消息 · ssecgi",
    "Pause": "暂停",
    "Stream": "流",
    "reads on when you do": "继续后从此处读起",
    "resumes at": "恢复位置",
    "the start": "开头",
    "{n} messages": "{n} 条消息",
};
