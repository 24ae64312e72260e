"""The spool: events in files, so that they survive the process that took them.

A folder holds one subfolder for each client of each process (`process_folder`). In it are segments
(`segment`): files of records (`record`) that are only ever appended to, and removed once all of
their events are settled. What the processes that died have left is taken over by the next one.
"""
