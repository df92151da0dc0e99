"""Key, cache and ledger: the only importer of sqlalchemy."""
