"""What is written: run folders, files, pages."""
