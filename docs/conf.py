"""How Sphinx builds the documentation: `make docs`. Nothing is fetched while it is built or read."""

project = "Pronk"
author = "the Pronk authors"
project_copyright = author
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
root_doc = "index"
exclude_patterns = ["site"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
nitpicky = True
html_theme = "furo"
html_title = "Pronk"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"top_of_page_buttons": []}
