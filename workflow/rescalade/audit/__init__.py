"""What a head does before any training, and which k it asks for."""
