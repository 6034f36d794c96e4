"""The pages of the documentation as tests read them, and the inputs that their commands name."""
