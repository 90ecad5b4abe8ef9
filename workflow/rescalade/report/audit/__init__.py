"""Pages and plots of audits."""
