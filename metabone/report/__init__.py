"""Answers as documents: paragraphs and items to paste, as Markdown and docx."""
