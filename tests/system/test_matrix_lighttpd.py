# SPDX-License-Identifier: MIT
"""The cells of the table in doc/front-ends.md for one web server."""

import front_end_bad
import front_end_matrix
import front_end_servers


class Matrix(front_end_matrix.Matrix, front_end_bad.BadInput, front_end_servers.Lighttpd):
    pass
