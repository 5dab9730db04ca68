"""The page at the microscope: the picture with outlines, and the count a technician keeps."""
