"""Speed and memory as ratios, in one run, beside a peer or hand-written code."""
