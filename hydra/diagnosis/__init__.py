"""`hydra doctor`: what is wrong between this machine, the gateway and the servers, each with its fix."""
