"""AI help: summaries, replies, translations, rewriting, answers, moderation scores, transcriptions, search by meaning.

Owns people's AI settings, the budgets of tokens and dollars, the jobs, and the index of meaning.
It never writes into a conversation, never follows what a text asks for, and never reads more than its caller may.
"""
