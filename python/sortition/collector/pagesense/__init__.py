"""The collector's part for Zoho PageSense FullStack."""
