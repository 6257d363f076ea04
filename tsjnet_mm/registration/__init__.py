"""From one camera's pixels to another's: points or images to a homography."""
