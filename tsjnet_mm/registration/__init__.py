"""Registration of two cameras: a homography from points or from images."""
