-- The engine's database, beside the store's: one server, so that a backup of it is of one moment.
CREATE DATABASE temporal;
