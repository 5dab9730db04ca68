"""Other ways to classify the same pictures with the same network, timed beside ours."""
