"""Generators and discriminators, one module a family.

Every generator is built with the shape of a sample and the dimension of z and maps z [N, dim] to samples [N, *shape];
every discriminator is built with the shape and maps samples to logits [N]. Images are in [-1, 1].
"""
