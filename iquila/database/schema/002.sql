CREATE TABLE audit (
    number INTEGER PRIMARY KEY,
    switch TEXT NOT NULL,
    actor TEXT NOT NULL,
    kind TEXT NOT NULL,
    entry BLOB NOT NULL,
    previous BLOB NOT NULL,
    digest BLOB NOT NULL
);
