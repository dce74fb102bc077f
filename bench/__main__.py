"""All benchmarks, one after the other."""

from bench import codec, growth, redis_sink, stages, windows
from bench.peers import compare

if __name__ == "__main__":
    for part in (windows, stages, codec, redis_sink, compare, growth):
        part.main()
