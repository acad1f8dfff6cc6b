"""What several runs say together: `gan-report`."""
