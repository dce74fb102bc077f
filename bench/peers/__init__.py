"""One task, written for several systems as their own documentation would, on the same topic in the same run.

The task: impressions, clicks and CTR of each post over the last hour, sliding by a minute, from Kafka to Redis.
Each module runs one of them in a process of its own and prints what it took, then what is in Redis is compared with
a batch answer.
"""
