"""Pages as programs: what a documentation page shows is what its tests run.

`page` finds the blocks of a page, `program` runs them, `compare` compares what they print,
`svg` and `figures` what they draw, `plugin` carries them into pytest, `update` rewrites outputs
and figures, `terms` links words to the glossary, `audit` and `browser` check the built site.
It knows Markdown, Sybil, maths and figures, and nothing of the subject that the pages teach.
"""
