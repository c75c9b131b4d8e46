"""The form that an update rule has here, for those who bring another framework's."""

OWN_FORM = """It is a function of arrays here, one for all backends:

    slots = ("velocity",)  # what is kept beside each variable, zeros at first

    def update(self, xp, weight, gradient, slots, learning_rate, step):
        (velocity,) = slots
        velocity = self.momentum * velocity - learning_rate * gradient
        return weight + velocity, (velocity,)
"""
