"""Pages that open in a browser without a network: one HTML file each, with its styles and plots inside."""
