"""
The logs of a server: files of JSON lines, by day and size, and syslog.

Events come from everywhere through one object (:class:`.journal.Journal`). Nothing here decides
anything, and nothing waits: what cannot be written is lost, and counted.
"""
