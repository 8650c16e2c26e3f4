"""Keys and what they protect: master keys, data keys, sealed values and sealed streams, personal values that do not
print."""
