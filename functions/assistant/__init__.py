"""AI help: summaries, replies, translations, rewriting, answers, moderation scores, transcriptions, semantic search.

It owns people's AI settings, the budgets of tokens and dollars, the jobs, and the index of embeddings.
It never writes into a conversation, never obeys instructions in a text, and never reads more than its caller may.
"""

import kernel  # before any package (kernel.coldstart)
