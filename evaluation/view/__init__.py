"""Looks at a recorded bag of any kind: what is in it, when something happened, and curves; as one page of HTML."""
