"""Strategies, written once: each sees one stock through a MarketView, acts on it, and knows no
transport. A Gateway leads a view to an exchange: over HTTP, or straight to a book.
"""
