"""The lab's own pipelines over the shared buckets: a scheduled flow, and a stream."""
