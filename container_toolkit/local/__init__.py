"""The service side: whatever happens before the container starts, or looks at it from outside."""
