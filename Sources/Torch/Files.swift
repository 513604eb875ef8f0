// JSON and whole-file writing belong to no tensor, but who uses `Torch` finds them here as before.
@_exported public import ForetokenFiles
