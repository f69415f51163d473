"""An account's orders and fills: the record, its endings, its ids, its rows."""
