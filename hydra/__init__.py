"""HYDRA: a self-healing trading system for thin commodity futures."""
