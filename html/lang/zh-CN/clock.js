// SPDX-License-Identifier: MIT
// clock: the clock page in Chinese.

export default {
    "Clock · ssecgi": "时钟 · ssecgi",
    "Server time": "服务器时间",
    "Waiting for the first tick": "正在等待第一个时刻",
    "Waiting for the first value": "正在等待第一个数值",
    "After the tick": "到达延迟",
    "median arrival here, by this computer's clock":
        "到达时间的中位数，按本机时钟计算",
    Jitter: "抖动",
    "mean change from tick to tick": "相邻时刻的平均变化",
    Ticks: "时刻数",
    "received since this page opened": "自打开本页以来收到",
    "{n} caught up after a lost connection": "其中 {n} 个在断线后补发",
    Missing: "缺失",
    "each tick has come": "每个时刻都已到达",
    "{n} ticks before {time}": "{time} 之前缺 {n} 个",
    "Resumed {n} times, each time after the last tick": "已续接 {n} 次，每次都从最后一个时刻之后继续",
    "Arrival after the tick, ms": "到达延迟（毫秒）",
    "Arrival after the tick over the last two minutes": "最近两分钟的到达延迟",
    "Jitter, ms": "抖动（毫秒）",
    "Change from tick to tick over the last two minutes": "最近两分钟相邻时刻的变化",
};
