"""The bounce lab: real mail servers on a loopback of their own, made to bounce, and what they send kept."""
