def markdown(results):
    return ''
