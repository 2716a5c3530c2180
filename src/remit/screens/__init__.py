"""What a content holds that not everybody may see: content in, labels out. Pure."""
