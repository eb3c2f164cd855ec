"""GNU Radio blocks of semcom-ota: thin adapters over semcom_ota, which does the work."""
