"""The imperative shell: the steps of a session, and the only caller of Broker.place."""
