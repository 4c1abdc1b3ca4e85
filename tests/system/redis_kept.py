# SPDX-License-Identifier: MIT
"""A redis-server that asks for a password and has on disk what it acknowledged."""

import redis_server

PASSWORD = "a-password-for-tests"


def text_of(answer):
    """Bytes as text, also inside of lists."""
    if isinstance(answer, list):
        return [text_of(part) for part in answer]
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer


class Server(redis_server.Server):
    def __init__(self, case, name="redis"):
        super().__init__(case, name, requirepass=PASSWORD, appendonly="yes", appendfsync="always")

    def answers(self):
        try:
            return self.ask("PING") == "PONG"
        except (OSError, redis_server.RedisError):
            return False  # not there yet, or loading

    def ask(self, *command):
        """The answer to a command: text, number, None or a list."""
        connection = redis_server.Connection(self.socket)
        try:
            connection.call("AUTH", PASSWORD)
            return text_of(connection.call(*command))
        finally:
            connection.close()
