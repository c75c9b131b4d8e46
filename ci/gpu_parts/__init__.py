"""What `ci/gpu` does, part by part."""
