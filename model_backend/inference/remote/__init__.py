# SPDX-License-Identifier: GPL-2.0-or-later
"""A model on a server, asked by the OpenAI chat-completions protocol."""
