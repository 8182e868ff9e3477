"""The process decord runs in: requests on stdin, pictures on stdout. Run as a script, never imported.

It needs nothing but decord and numpy, so that it starts quickly. One request is a line of JSON
`{"path": ..., "indices": [...]}`; the reply is a line of JSON, `{"count": n, "shape": [...]}` or
`{"error": ...}`, followed by the pixels.
"""

import json
import os
import sys


def main() -> None:
    """Answer requests until stdin is closed."""
    # The pipe belongs to the protocol; what libraries print to stdout goes nowhere.
    with os.fdopen(os.dup(1), "wb") as replies, open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        for line in sys.stdin.buffer:
            request = json.loads(line)
            header, pixels = read_pictures(request["path"], request["indices"])
            replies.write(json.dumps(header).encode() + b"\n" + pixels)
            replies.flush()


def read_pictures(path: str, indices: list[int]) -> tuple[dict[str, object], bytes]:
    """The header of the reply, and the pictures (len(indices), height, width, 3) as bytes."""
    import decord

    try:
        reader = decord.VideoReader(path, num_threads=1)
        count = len(reader)
        if max(indices) >= count:
            return {"error": f"counts {count} frames"}, b""
        pictures = reader.get_batch(indices).asnumpy()
    except (decord.DECORDError, RuntimeError, ValueError, IndexError) as error:
        return {"error": str(error).strip().splitlines()[0][:200]}, b""
    return {"count": count, "shape": pictures.shape}, pictures.tobytes()


if __name__ == "__main__":
    main()
