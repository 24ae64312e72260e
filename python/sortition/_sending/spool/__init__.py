"""The spool: events in files, so that they survive the process that accepted them.

A folder holds one subfolder for each client of each process (`process_folder`). In it are segments
(`segment`): files of records (`record`) that are only appended to, and removed once all of
their events are settled. The next process takes over the files of processes that died.
"""
