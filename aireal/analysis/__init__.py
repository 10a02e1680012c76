"""What a data set is like, and what is wrong with it. Free of TensorFlow."""
