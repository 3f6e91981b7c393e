require ["reject"]; reject "I take no mail from you.";
