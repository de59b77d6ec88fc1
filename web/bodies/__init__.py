"""What requests bring and answers carry: bodies packed and unpacked, files sent and made."""
