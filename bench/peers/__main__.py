"""Run the comparison."""

from bench.peers import compare

if __name__ == "__main__":
    compare.main()
