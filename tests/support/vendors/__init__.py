"""Small files of microscopes' vendors, laid out by the public descriptions of their formats."""
